"""macaw models inside lmms-eval, which finds them by an entry point; nothing else imports this folder."""
