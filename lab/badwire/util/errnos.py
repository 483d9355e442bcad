"""The error numbers (errno(3)) with which writing to a user's folder fails, grouped by cause."""

import errno

NO_SPACE = {
    errno.ENOSPC,
    errno.EDQUOT,
}
NOT_PERMITTED = {
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
}
WRONG_PATH = {
    errno.ENOTDIR,
    errno.EISDIR,
}
NOT_WRITABLE = {
    *NO_SPACE,
    *NOT_PERMITTED,
    *WRONG_PATH,
    errno.EFBIG,
}
