"""Which of many originals a suspect video was made from: an index of local features on disk.

`index` is the way in: `TemplateIndex.open(folder)`, `.add(paths)`, `.match(path)`. A video's key
frames (`keyframes`) become binary local features (`fingerprint`), which lie in immutable segments
(`segments`) with inverted lists (`lists`, `cells`). A suspect's features vote for videos (`voting`),
and the best candidates are aligned with it in space and time (`alignment`, `matching`).
"""
