"""The main job on one machine: the bot and the simulator's customers, over real SIP and RTP on loopback."""
