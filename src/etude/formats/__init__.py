"""Files of music read and written: one format, one module. They know scores and sounds, nothing above."""
