"""Builds the virtual clock's kernel from a Linux source and puts it into the cache, for `badwire kernel build`.

May import: uml.cache, uml.kernel_config, uml.preload, linux, util, errors.
"""
