"""The tests: folders mirror the source; `./run test` runs them all."""
