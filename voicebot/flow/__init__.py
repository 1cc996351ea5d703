"""What is said: call flows (YAML), prompts (sandboxed Jinja), and the sans-IO engine that walks them."""
