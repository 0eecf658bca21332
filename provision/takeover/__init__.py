"""The time service that a host had before a deployment: read, translated to a site file, and compared with a site."""
