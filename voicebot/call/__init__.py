"""One call: runs the effects of the flow engine, feeds it events."""
