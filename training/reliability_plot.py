"""A picture of how far confidences can be trusted."""

from pathlib import Path

from matplotlib.figure import Figure

from training.calibrate import JudgedWords, bins, calibration_error


def plot_reliability(path: Path, before: JudgedWords, after: JudgedWords) -> None:
    """Draw the share of right words against confidence, in a PNG or SVG file. Raises OSError."""
    figure = Figure(figsize=(5, 5), layout="tight")
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color="grey", linewidth=1, label="perfect")
    for name, words in (("as decoded", before), ("calibrated", after)):
        points = bins(words)
        label = f"{name}, expected calibration error {calibration_error(words):.3f}"
        axes.plot([c for c, _, _ in points], [r for _, r, _ in points], marker="o", label=label)
    axes.set_xlabel("confidence")
    axes.set_ylabel("share of words that are right")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.legend(loc="upper left")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)
