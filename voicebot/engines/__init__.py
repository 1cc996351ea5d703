"""Recognisers, synthesizers, the speaker encoder and the voice activity detector: adapters behind voicebot.model.ports."""
