"""The last word on which frame is shown: the likeliest course, coding's own lag in the model.

An encoder that saves bits copies parts of the picture before: what is shown then lies between this
frame and the last, and a plain difference takes it for a held frame. So the suspect's pictures are
taken for an autoregression on the reference's,

    x(i) = b1 x(i-1) + b2 y(r(i)) + b3 y(r(i-1)) + noise,

of which a noise that lasts (b3 = -b1 b2) and a picture that lags (b3 = 0) are both cases. It is
fitted along a first course, in the main components of what moves in the reference; then the course
of the highest likelihood is found by dynamic programming (Viterbi), and both in turn.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from ...datasets.types import Float32, Float64, Int64
from .lines import Line
from .pairing import AlignedStretch
from .scanning import Scan, grey_details
from .signals import SMOOTH, covered, laid_thumbs, picture_map

REACH = 5  # frames around the course so far
COMPONENTS = 30
KEPT = (0.0, 0.2, 0.4, 0.6, 0.75, 0.85, 0.95)  # of the picture before, or of its noise: b1
RIDGE = 1.0  # how firmly a component's coefficients are held to those of all
SHRINK = 0.2  # of the variances, added to the noise's covariance
TRUST = 0.5  # of the log likelihood: frames and components are not quite independent
HEAVY = 30.0  # degrees of freedom of the noise, a multivariate t: no single frame says too much
EVENTS = (
    10.0,
    20.0,
    40.0,
    40.0,
)  # nats that a step which the line does not foresee must bring, by round
SINGLE = 8.0  # nats that a single frame's move between its neighbours must bring
FURTHER = 1.0  # nats for each frame more
EITHER = 0.7  # nats of a step between two frames that are foreseen alike
NEARLY_WHOLE = 0.06  # a step this near to a whole number is foreseen as that number
NEARLY_ONE = 0.13  # a rate this near to frame by frame is taken for it, with events
LEAST_FRAMES = 8  # a shorter stretch keeps its course
CHUNK = 600  # frames that are settled at a time


def retraced(
    suspect: Scan, reference: Scan, matrix: Float64, stretch: AlignedStretch, rate: float
) -> AlignedStretch:
    """A stretch with its likeliest course, and the line through it; `rate`: ticks a second."""
    paired = stretch.paired
    if len(paired.suspect) < LEAST_FRAMES:
        return stretch
    foreseen = _foreseen(suspect, reference, stretch)
    direction = 1 if stretch.segment.line.rate > 0 else -1
    parts: list[Int64] = []
    pieces = max(1, round(len(paired.suspect) / CHUNK))
    for piece in np.array_split(np.arange(len(paired.suspect)), pieces):
        course = paired.reference[piece]
        low = max(0, int(course.min()) - 2 * REACH)
        high = min(len(reference.frames) - 1, int(course.max()) + 2 * REACH)
        if parts:  # the course goes on from where it was left
            bound = int(parts[-1][-1])
            low, high = (max(low, bound), high) if direction > 0 else (low, min(high, bound))
            course = course.clip(low, high)
        if high - low < LEAST_FRAMES:
            parts.append(course)
            continue
        own, theirs = _pictures(suspect, reference, matrix, paired.suspect[piece], low, high)
        found = likeliest(own, theirs, course - low, foreseen[piece[:-1]], direction)
        parts.append(found + low)
    course = np.concatenate(parts)
    line = _line_through(suspect, reference, paired.suspect, course, stretch.segment.line, rate)
    segment = replace(stretch.segment, line=line)
    return replace(stretch, segment=segment, paired=replace(paired, reference=course))


def _line_through(
    suspect: Scan, reference: Scan, own: Int64, theirs: Int64, line: Line, rate: float
) -> Line:
    """The line in ticks that most pairs of frames lie along (Theil, 1950; Sen, 1968)."""
    x, y = suspect.pts_seconds[own], reference.pts_seconds[theirs]
    half = len(x) // 2
    slope = float(np.median((y[half:] - y[: len(y) - half]) / (x[half:] - x[: len(x) - half])))
    if slope == 0 or (slope > 0) != (line.rate > 0):
        return line
    middle = float(np.median(y + reference.frame_seconds / 2 - slope * x))
    start = rate * middle + slope * line.first
    return replace(line, start=start, rate=slope)


def likeliest(
    own: Float32, theirs: Float32, course: Int64, foreseen: Float64, direction: int
) -> Int64:
    """The likeliest course near a first one.

    Args:
        own: (n, c) the suspect's pictures, in the order shown.
        theirs: (m, c) the reference's, on the same cells.
        course: (n,) places in `theirs`, to start from.
        foreseen: (n - 1,) how many of them each step should take, at least 0.
        direction: 1 for forwards, -1 for backwards.

    Returns:
        (n,) int64 places in `theirs`, monotone.
    """
    middle = theirs.mean(axis=0)
    main = _components(theirs - middle)
    x = ((own - middle) @ main).astype(np.float64)
    y = ((theirs - middle) @ main).astype(np.float64)
    if not main.shape[1]:
        return course
    for event in EVENTS:
        priors = [_prior(float(step), event) for step in foreseen]
        course = _course(_fitted(x, y, course), course, priors, direction, len(theirs))
    for _ in range(2):
        course = _with_single_frames(_fitted(x, y, course), course)
    return course


@dataclass(frozen=True)
class _Model:
    """Squared distances of what each step would leave unexplained, in the noise's own measure.

    With a(i) = x(i) - b1 x(i-1), whitened: `aa`: (n - 1,) |a|^2. `a2`, `a3`: (n - 1, m) a times
    b2 y and b3 y. `y2`, `y3`: (m,) |b2 y|^2 and |b3 y|^2. `y32`: (m, m) b3 y(r') times b2 y(r).
    `size`: components.
    """

    aa: Float64
    a2: Float64
    a3: Float64
    y2: Float64
    y3: Float64
    y32: Float64
    size: int

    def loss(self, step: int, before: Int64, now: Int64) -> Float64:
        """(before, now): minus the log likelihood of a step between any two of these places."""
        square = (
            self.aa[step]
            - 2 * self.a2[step, now][None, :]
            - 2 * self.a3[step, before][:, None]
            + self.y2[now][None, :]
            + self.y3[before][:, None]
            + 2 * self.y32[np.ix_(before, now)]
        )
        loss = 0.5 * (self.size + HEAVY) * np.log1p(np.maximum(square, 0.0) / HEAVY)
        return np.asarray(TRUST * loss, dtype=np.float64)


def _components(pictures: Float32) -> Float32:
    """(c, k): orthonormal, in the order of how much of the course they carry."""
    exact = pictures.astype(np.float64)
    values, vectors = np.linalg.eigh(exact @ exact.T)
    values, vectors = values[::-1][:COMPONENTS], vectors[:, ::-1][:, :COMPONENTS]
    kept = values > max(float(values[0]) * 1e-6, 1e-9)
    main = exact.T @ vectors[:, kept] / np.sqrt(values[kept])
    return np.asarray(main, dtype=np.float32)


def _fitted(x: Float64, y: Float64, course: Int64) -> _Model:
    """The autoregression along a course, component by component, and its noise.

    Free coefficients would not do: with b2 = 0 and b3 = 1 a course that runs one frame ahead fits
    as well. So b3 is held between a picture that lags (0) and a noise that lasts (-b1 b2).
    """
    features = np.stack([x[1:], x[:-1], y[course[1:]], y[course[:-1]]])
    middles = features.mean(axis=1)
    features = features - middles[:, None]
    gram = np.einsum("inc,jnc->cij", features, features)
    common = gram.sum(axis=0)
    hold = RIDGE * common / len(gram) / max(float(np.trace(common)), 1e-12)
    gram = gram + hold * np.trace(gram, axis1=1, axis2=2)[:, None, None]
    b1, b2, b3 = _coefficients(gram)
    a = features[0] - b1 * features[1]
    y2, y3 = (y - middles[2]) * b2, (y - middles[3]) * b3
    left = a - y2[course[1:]] - y3[course[:-1]]
    white = _whitening(left)
    a, y2, y3 = a @ white, y2 @ white, y3 @ white
    return _Model(
        (a**2).sum(axis=1), a @ y2.T, a @ y3.T,
        (y2**2).sum(axis=1), (y3**2).sum(axis=1), y3 @ y2.T, len(white),
    )  # fmt: skip


def _coefficients(gram: Float64) -> tuple[Float64, Float64, Float64]:
    """(c,) each: the b1, b2, b3 that leave least of x(i), from the products of all four.

    `gram`: (c, 4, 4) of x(i), x(i-1), y(r(i)), y(r(i-1)).
    """
    least = np.full(len(gram), np.inf)
    best = np.zeros((3, len(gram)))
    for b1 in KEPT:
        for share in (0.0, 0.5, 1.0) if b1 else (0.0,):
            own, theirs = np.array([1, -b1, 0, 0]), np.array([0, 0, 1, -share * b1])
            power = np.maximum(theirs @ gram @ theirs, 1e-12)
            b2 = np.maximum(own @ gram @ theirs / power, 0.0)
            left = own @ gram @ own - 2 * b2 * (own @ gram @ theirs) + b2**2 * power
            better = left < least
            least = np.where(better, left, least)
            best = np.where(better, [np.full_like(b2, b1), b2, -share * b1 * b2], best)
    return best[0], best[1], best[2]


def _whitening(noise: Float64) -> Float64:
    """(k, k), by which the noise gets unit covariance; frames that are far off count less."""
    size = np.mean(noise**2 / (np.median(noise**2, axis=0) + 1e-12), axis=1)
    weights = np.minimum(1.0, 3 * np.median(size) / np.maximum(size, 1e-12))[:, None]
    covariance = (noise * weights).T @ noise / weights.sum()
    own = np.diag(covariance)
    covariance = covariance + np.diag(SHRINK * own + 0.001 * own.mean() + 1e-9)
    return np.asarray(np.linalg.cholesky(np.linalg.inv(covariance)), dtype=np.float64)


def _prior(foreseen: float, event: float) -> Float64:
    """What a step of 0, 1, 2, ... frames costs, nats; the last for all that are larger."""
    low, high = np.floor(foreseen + NEARLY_WHOLE), np.ceil(foreseen - NEARLY_WHOLE)
    steps = np.arange(max(high, 0) + 4 * REACH + 1)
    apart = np.minimum(np.abs(steps - low), np.abs(steps - high))
    usual = 0.0 if high <= low else EITHER
    return np.asarray(np.where(apart == 0, usual, event + FURTHER * (apart - 1)))


def _course(
    model: _Model, centres: Int64, priors: list[Float64], direction: int, places: int
) -> Int64:
    """The monotone course within REACH of `centres` that is likeliest (Viterbi)."""
    around = np.arange(-REACH, REACH + 1)
    count = len(centres)
    back = np.zeros((count, len(around)), dtype=np.int64)
    before = centres[0] + around
    total = np.where((before < 0) | (before >= places), np.inf, 0.0)
    for i in range(1, count):
        now = centres[i] + around
        steps = direction * (now[None, :] - before[:, None])
        prior = priors[i - 1]
        cost = np.where(steps < 0, np.inf, prior[steps.clip(0, len(prior) - 1)])
        cost[:, (now < 0) | (now >= places)] = np.inf
        loss = model.loss(i - 1, before.clip(0, places - 1), now.clip(0, places - 1))
        through = total[:, None] + cost + loss
        back[i] = through.argmin(axis=0)
        total = through.min(axis=0)
        before = now
    k = int(total.argmin())
    if not np.isfinite(total[k]):
        return centres
    course = np.empty(count, dtype=np.int64)
    for i in range(count - 1, -1, -1):
        course[i] = centres[i] + around[k]
        k = int(back[i, k])
    return course


def _with_single_frames(model: _Model, course: Int64) -> Int64:
    """The course with single frames moved between their neighbours, where that is likelier.

    A frame that is shown twice in the place of the next one is one event, not the two that
    holding and then jumping are.
    """
    out = course.copy()
    for i in range(1, len(out) - 1):
        before, after = int(out[i - 1]), int(out[i + 1])
        options = np.arange(min(before, after), max(before, after) + 1)
        if len(options) < 3:
            continue
        ends = np.array([before]), np.array([after])
        loss = model.loss(i - 1, ends[0], options)[0] + model.loss(i, options, ends[1])[:, 0]
        best = int(loss.argmin())
        if loss[int(out[i]) - options[0]] - loss[best] > SINGLE:
            out[i] = options[best]
    return out


def _foreseen(suspect: Scan, reference: Scan, stretch: AlignedStretch) -> Float64:
    """(n - 1,): by how many frames of the reference each step should go on, at least 0."""
    moments = suspect.pts_seconds[stretch.paired.suspect]
    steps = np.diff(moments) / max(reference.frame_seconds, 1e-6)
    usual = float(np.median(steps))
    rate = abs(stretch.segment.line.rate)
    if abs(rate * usual - 1) < NEARLY_ONE:
        rate = 1 / usual
    return np.asarray(steps * rate, dtype=np.float64)


def _pictures(
    suspect: Scan, reference: Scan, matrix: Float64, places: Int64, low: int, high: int
) -> tuple[Float32, Float32]:
    """Both videos' pictures on the cells that both show: (n, c), and (high - low + 1, c)."""
    shape, their_shape = suspect.details.shape[1:], reference.details.shape[1:]
    to_cells = picture_map(matrix, suspect, reference, shape, their_shape)
    mask = covered(to_cells, their_shape, shape)
    if not mask.any():
        mask = np.ones(shape, dtype=bool)

    def cells(pictures: Float32) -> Float32:
        soft = [cv2.GaussianBlur(p, (0, 0), SMOOTH)[mask] for p in pictures]
        return np.stack(soft).astype(np.float32)

    own = cells(grey_details(suspect, places))
    theirs = grey_details(reference, np.arange(low, high + 1))
    return own, cells(laid_thumbs(theirs, to_cells, mask.shape))
