"""What every other package uses: the errors, the results of steps and checks, escaped text, files of this machine."""
