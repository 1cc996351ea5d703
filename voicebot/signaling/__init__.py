"""SIP drivers behind the ports Signaling and CallLeg."""
