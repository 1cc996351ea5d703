"""Recognisers, synthesizers, speaker encoder, voice activity: adapters behind voicebot.model.ports."""
