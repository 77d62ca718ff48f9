"""The suspect's pictures as an autoregression on the reference's, with coding's own lag.

An encoder that saves bits copies parts of the picture before: what is shown then lies between this
frame and the last, and a plain difference takes it for a held frame. So the suspect's pictures are
taken for

    x(i) = b1 x(i-1) + b2 y(r(i)) + b3 y(r(i-1)) + noise,

of which a noise that lasts (b3 = -b1 b2) and a picture that lags (b3 = 0) are both cases, in the
main components of what moves in the reference.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...datasets.types import Float32, Float64, Int64

COMPONENTS = 30
KEPT = (0.0, 0.2, 0.4, 0.6, 0.75, 0.85, 0.95)  # of the picture before, or of its noise: b1
RIDGE = 1.0  # how firmly a component's coefficients are held to those of all
SHRINK = 0.2  # of the variances, added to the noise's covariance
TRUST = 0.5  # of the log likelihood: frames and components are not quite independent
HEAVY = 30.0  # degrees of freedom of the noise, a multivariate t: no single frame says too much


@dataclass(frozen=True)
class Model:
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
        return nats(square, self.size)


def nats(square: Float64 | float, size: int) -> Float64:
    """Minus the log likelihood of whitened noise of this squared length, in `size` components."""
    loss = 0.5 * (size + HEAVY) * np.log1p(np.maximum(square, 0.0) / HEAVY)
    return np.asarray(TRUST * loss, dtype=np.float64)


@dataclass(frozen=True)
class Fit:
    """Coefficients, means of (x(i), x(i-1), y(r(i)), y(r(i-1))), and what whitens the noise.

    `coefficients`: (3, k); `middles`: (4, k); `white`: (k, k). `usual`: the median squared length
    of the whitened noise along the course.
    """

    coefficients: Float64
    middles: Float64
    white: Float64
    usual: float

    def whitened(self, x: Float64, y: Float64) -> tuple[Float64, Float64, Float64]:
        """x(i) - b1 x(i-1), b2 y and b3 y in the noise's own measure: (n - 1, k), (m, k), (m, k).

        Args:
            x: (n, k) the suspect's pictures, in the order shown.
            y: (m, k) the reference's.
        """
        b1, b2, b3 = self.coefficients
        a = (x[1:] - self.middles[0] - b1 * (x[:-1] - self.middles[1])) @ self.white
        y2 = (y - self.middles[2]) * b2 @ self.white
        y3 = (y - self.middles[3]) * b3 @ self.white
        return a, y2, y3

    def model(self, x: Float64, y: Float64) -> Model:
        """What each step between any two places of the reference would leave unexplained."""
        a, y2, y3 = self.whitened(x, y)
        return Model(
            (a**2).sum(axis=1), a @ y2.T, a @ y3.T,
            (y2**2).sum(axis=1), (y3**2).sum(axis=1), y3 @ y2.T, len(self.white),
        )  # fmt: skip


def fitted(x: Float64, y: Float64, steps: Int64, now: Int64, before: Int64) -> Fit:
    """The autoregression along a course, component by component, and its noise.

    Free coefficients would not do: with b2 = 0 and b3 = 1 a course that runs one frame ahead fits
    as well. So b3 is held between a picture that lags (0) and a noise that lasts (-b1 b2).

    Args:
        x: (n, k) the suspect's pictures, in the order shown.
        y: (m, k) the reference's.
        steps: (s,) places in `x` of pictures whose step from the one before is looked at, from 1.
        now: (s,) places in `y` that these show. before: (s,) ... that the ones before them show.
    """
    features = np.stack([x[steps], x[steps - 1], y[now], y[before]])
    middles = features.mean(axis=1)
    features = features - middles[:, None]
    gram = np.einsum("inc,jnc->cij", features, features)
    common = gram.sum(axis=0)
    hold = RIDGE * common / len(gram) / max(float(np.trace(common)), 1e-12)
    gram = gram + hold * np.trace(gram, axis1=1, axis2=2)[:, None, None]
    b1, b2, b3 = _coefficients(gram)
    left = features[0] - b1 * features[1] - b2 * features[2] - b3 * features[3]
    white = _whitening(left)
    usual = float(np.median(((left @ white) ** 2).sum(axis=1)))
    return Fit(np.stack([b1, b2, b3]), middles, white, usual)


def components(pictures: Float32) -> Float32:
    """(c, k): orthonormal, in the order of how much of the course they carry."""
    exact = pictures.astype(np.float64)
    values, vectors = np.linalg.eigh(exact @ exact.T)
    values, vectors = values[::-1][:COMPONENTS], vectors[:, ::-1][:, :COMPONENTS]
    kept = values > max(float(values[0]) * 1e-6, 1e-9)
    main = exact.T @ vectors[:, kept] / np.sqrt(values[kept])
    return np.asarray(main, dtype=np.float32)


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
