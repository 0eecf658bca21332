"""Read and describe chrony: releases, configuration language, output of its programs, and its systemd unit."""
