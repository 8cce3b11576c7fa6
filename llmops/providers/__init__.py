"""The only part of the platform that talks to model vendors. Callers use `gateway.Gateway`."""
