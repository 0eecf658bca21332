"""Boot throwaway hosts on this machine in a second: real Debian, systemd and sshd."""
