"""A bank's post-loan voicebot: SIP calls, scripts, voiceprint gate, one outcome per attempt."""

__version__ = "0.1.0"
