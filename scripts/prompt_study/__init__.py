"""Questions for a study of prompts: goals, configurations, decisions and code, in no prompt as examples."""
