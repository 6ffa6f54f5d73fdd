"""The subcommands of `vq`, one module each with `configure(parser)` and `run(arguments) -> exit code`."""
