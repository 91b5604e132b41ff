"""Judges received pictures against the film that was sent: SSIM to the best-matching frame, by ffmpeg.

A picture passes with SSIM >= 0.9 to some frame of the right film. Several pictures of one call must match later and later
frames: a picture that froze matches one frame for ever.
"""
import dataclasses
import subprocess

MIN_SSIM = 0.9
MIN_PICTURES = 3


@dataclasses.dataclass(frozen=True)
class Match:
    frame: int    # of the film, from 0
    ssim: float   # 0 to 1, over all three planes


def best_match(picture, film, within_s=None):
    """The frame of the film that the picture is most like; within_s limits the search to the film's first seconds."""
    graph = "[1:v]format=yuv420p,loop=loop=-1:size=1[picture];[0:v][picture]ssim=stats_file=-:shortest=1"
    limit = ["-t", str(within_s)] if within_s else []
    run = subprocess.run(["ffmpeg", "-nostdin", "-loglevel", "error", *limit, "-i", str(film), "-i", str(picture),
                          "-lavfi", graph, "-f", "null", "-"], capture_output=True, text=True)
    values = [float(line.rsplit("All:", 1)[1].split()[0]) for line in run.stdout.splitlines() if "All:" in line]
    if not values:
        raise ValueError(f"{picture} cannot be compared with {film}: {run.stderr.strip()[-200:]}")
    frame = max(range(len(values)), key=values.__getitem__)
    return Match(frame, values[frame])


def judge(pictures, film, minimum=MIN_PICTURES, within_s=None):
    """Returns (matches, complaints). pictures: paths in the order they were taken; one that doesn't exist never came."""
    matches, complaints = [], []
    for picture in pictures:
        if not picture.exists():
            complaints.append(f"{picture.name}: no picture came")
            continue
        match = best_match(picture, film, within_s)
        matches.append(match)
        if match.ssim < MIN_SSIM:
            complaints.append(f"{picture.name}: SSIM {match.ssim:.3f} to its best frame {match.frame}, below {MIN_SSIM}")
    if len(matches) < minimum:
        complaints.append(f"{len(matches)} pictures, fewer than {minimum}")
    frames = [match.frame for match in matches]
    # A film that starts again falls back once.
    falls = sum(later < earlier for earlier, later in zip(frames, frames[1:]))
    if len(frames) > 1 and (len(set(frames)) < len(frames) or falls > 1):
        complaints.append(f"the picture does not move on: best frames {frames}")
    return matches, complaints
