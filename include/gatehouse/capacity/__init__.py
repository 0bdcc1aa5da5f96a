"""Know beforehand what an account can take, how long a rollout takes, and what it costs a month."""
