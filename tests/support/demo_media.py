#!/usr/bin/env python3
"""Makes the films and tones that the endpoints of a demonstration call send. Generated, so nothing is shipped or fetched.

Each side has a film that looks unlike the other's in every frame, and moves so much that a frame five later already differs
(SSIM below 0.9): a received picture is therefore recognised as one certain moment of one certain film.
"""
import argparse
import pathlib
import subprocess

WIDTH, HEIGHT, FRAMES_PER_S = 640, 360, 15
FILM_S = 30   # an endpoint starts again at the end, with a jump
TONE_S = 300

FILMS = {
    "left": f"testsrc2=size={WIDTH}x{HEIGHT}:rate={FRAMES_PER_S}",
    # Colour bars that turn and change colour. Pale, and larger than the picture: strong colours are clipped on the way through
    # RGB, and SSIM takes the coding noise in black areas for a difference.
    "right": (f"smptehdbars=size=1280x720:rate={FRAMES_PER_S},crop=1280:420:0:0,hue=H=0.5*t:s=0.6,"
              f"rotate=angle=0.3*t:fillcolor=0x707090:ow={WIDTH}:oh={HEIGHT}"),
}
TONES_HZ = {"left": 440, "right": 1000}


def film(folder, side):
    return pathlib.Path(folder, f"{side}.mp4")


def tone(folder, side):
    return pathlib.Path(folder, f"{side}.wav")


def _ffmpeg(target, *arguments):
    """Writes beside the target first: a broken run never leaves half a file under the right name."""
    partial = target.with_name(f"partial-{target.name}")
    subprocess.run(["ffmpeg", "-nostdin", "-loglevel", "error", "-y", *arguments, str(partial)], check=True)
    partial.rename(target)


def make(folder, film_s=FILM_S):
    """Makes what is missing in folder; returns whether anything was."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    made = False
    for side, source in FILMS.items():
        if not film(folder, side).exists():
            made = True
            _ffmpeg(film(folder, side), "-f", "lavfi", "-i", source, "-t", str(film_s), "-c:v", "libx264",
                    "-profile:v", "baseline", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-g", str(FRAMES_PER_S),
                    "-keyint_min", str(FRAMES_PER_S), "-sc_threshold", "0", "-b:v", "1500k")
    for side, hertz in TONES_HZ.items():
        if not tone(folder, side).exists():
            made = True
            _ffmpeg(tone(folder, side), "-f", "lavfi", "-i", f"sine=frequency={hertz}:sample_rate=8000:duration={TONE_S}",
                    "-af", "volume=6dB", "-ac", "1", "-c:a", "pcm_s16le")
    return made


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    make(parser.parse_args().folder)
