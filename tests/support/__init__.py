"""What several tests stand on: brokers to talk to."""
