"""Which files are videos and which are pictures, by how their names end (in lower case)."""

VIDEO_SUFFIXES = frozenset(
    {".3g2", ".3gp", ".asf", ".avi", ".divx", ".flv", ".gif", ".h264", ".h265", ".hevc", ".ivf"}
    | {".m2ts", ".m4v", ".mjpeg", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".mxf", ".obu"}
    | {".ogv", ".ts", ".vob", ".webm", ".wmv", ".y4m"}
)
IMAGE_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
