"""Questions for a study of prompts: goals, configurations, decisions and code, none of them an example of a prompt."""
