"""Speech engines and how one of them comes to speak: no Lambda in it, so the agent uses it too."""
