"""The reasons, as errno(3) names them, why a folder of the user's cannot be written."""

import errno

NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT})
NOT_PERMITTED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
WRONG_PATH = frozenset({errno.ENOTDIR, errno.EISDIR})
NOT_WRITABLE = NO_SPACE | NOT_PERMITTED | WRONG_PATH | {errno.EFBIG}
