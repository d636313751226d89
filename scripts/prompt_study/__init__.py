"""Goals, configurations, decisions and code for a study of prompts; none of them is an example in a prompt."""
