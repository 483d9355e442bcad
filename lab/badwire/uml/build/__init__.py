"""`badwire kernel build`: a kernel from a source to the cache.

May import: uml.cache, uml.kernel_config, uml.preload, linux, util, errors.
"""
