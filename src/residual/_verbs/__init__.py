"""What the verbs do, from Python and from the command line: a file each."""
