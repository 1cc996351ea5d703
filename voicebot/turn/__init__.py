"""Turn-taking: when an answer ends, when the bot is interrupted. Pure; counts audio time, never the clock."""
