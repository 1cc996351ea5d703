"""Understanding: what was said or keyed, as typed intents. Pure; every word of a language comes from its tables."""
