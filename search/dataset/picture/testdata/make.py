"""Makes the pictures of this folder, and golden.json with what Pillow decodes them to.

pip install pillow numpy; python make.py
"""

import json
import os
import struct

import numpy as np
from PIL import Image, ImageDraw, ImageOps

os.chdir(os.path.dirname(os.path.abspath(__file__)))
W, H = 24, 16
y, x = np.mgrid[0:H, 0:W]
rgb = np.stack([x * 255 // W, y * 255 // H, (5 * x + 9 * y) % 256], -1).astype("u1")
picture = Image.fromarray(rgb)
ImageDraw.Draw(picture).rectangle((1, 1, 6, 3), fill=(255, 0, 0))  # a red mark at the top left
see_through = picture.copy()
see_through.putalpha(Image.fromarray((x * 255 // W).astype("u1")))

FORM = (6, 5)  # width, height
golden = {}


def expect(name, image=None):
    """Notes what Pillow makes of a file: over white, as grey over white, and with the opacity."""
    image = ImageOps.exif_transpose(image or Image.open(name))
    alpha = image.convert("RGBA")
    white = Image.new("RGBA", alpha.size, (255, 255, 255, 255))
    flat = Image.alpha_composite(white, alpha).convert("RGB")
    form = lambda im: im.resize(FORM, Image.BILINEAR)
    golden[name] = {
        "width": image.width,
        "height": image.height,
        "colours": np.asarray(form(flat)).transpose(2, 0, 1).tobytes().hex(),
        "grey": np.asarray(form(flat.convert("L"))).tobytes().hex(),
        "alpha": np.asarray(form(alpha)).transpose(2, 0, 1).tobytes().hex(),
    }


def save(name, image, **options):
    image.save(name, **options)
    expect(name)


save("rgb.png", picture)
save("alpha.png", see_through)
save("palette.png", picture.convert("P", palette=Image.ADAPTIVE, colors=16))
save("black_white.png", picture.convert("1"))
save("rgb.bmp", picture)
save("palette.bmp", picture.convert("P", palette=Image.ADAPTIVE, colors=16))
save("grey.bmp", picture.convert("L"))
save("alpha.bmp", see_through)
save("rgb.tiff", picture)
save("alpha.tiff", see_through)
save("grey.tiff", picture.convert("L"))
save("palette.tiff", picture.convert("P"))
save("lzw.tiff", picture, compression="tiff_lzw")
save("deflate.tiff", picture, compression="tiff_adobe_deflate")
save("packbits.tiff", picture, compression="packbits")
save("pages.tiff", picture, save_all=True, append_images=[picture.rotate(90)])
save("turned.tiff", picture.transpose(Image.Transpose.ROTATE_90), tiffinfo={0x0112: 6})
save("baseline.jpg", picture, quality=95, subsampling=0)
save("progressive.jpg", picture, quality=95, subsampling=0, progressive=True)
save("grey.jpg", picture.convert("L"), quality=95)
save("cmyk.jpg", picture.convert("CMYK"), quality=95)

data = open("cmyk.jpg", "rb").read()
marker = data.index(b"Adobe")
open("ycck.jpg", "wb").write(data[: marker + 11] + b"\2" + data[marker + 12 :])
expect("ycck.jpg")
open("unmarked.jpg", "wb").write(data[: marker - 4] + data[marker + 12 :])
expect("unmarked.jpg")

STORED = [
    None,
    Image.Transpose.FLIP_LEFT_RIGHT,
    Image.Transpose.ROTATE_180,
    Image.Transpose.FLIP_TOP_BOTTOM,
    Image.Transpose.TRANSPOSE,
    Image.Transpose.ROTATE_90,
    Image.Transpose.TRANSVERSE,
    Image.Transpose.ROTATE_270,
]
for o, stored in enumerate(STORED, 1):
    exif = Image.Exif()
    exif[0x0112] = o
    image = picture.transpose(stored) if stored is not None else picture
    save(f"exif{o}.jpg", image, quality=95, subsampling=0, exif=exif)
    if o == 6:
        save("exif6.png", image, exif=exif)
        save("exif6.webp", image, lossless=True, exif=exif)

save("lossless.webp", picture, lossless=True)
save("alpha_lossless.webp", see_through, lossless=True, exact=True)
# chroma is smooth here: libwebp interpolates it, this package does not
smooth = Image.fromarray(np.stack([np.full_like(x, 200), x * 4 + 100, y * 5 + 20], -1).astype("u1"))
save("lossy.webp", smooth, quality=100)
for name, colour in {"red": (255, 0, 0), "white": (255, 255, 255), "black": (0, 0, 0), "blue": (20, 40, 230)}.items():
    save(f"{name}.webp", Image.new("RGB", (W, H), colour), quality=100)
smooth.putalpha(Image.fromarray((x * 255 // W).astype("u1")))
save("alpha_lossy.webp", smooth, quality=100)

frames = [picture.rotate(30 * i) for i in range(3)]
save("animated.gif", frames[0], save_all=True, append_images=frames[1:], duration=100)
frames[0].save("animated.webp", save_all=True, append_images=frames[1:], duration=100)
save("transparent.gif", see_through.convert("P"), transparency=3)
# a frame of 4×3 pixels at (5, 6) of a larger picture; codes stay 3 bits long if the table is cleared (code 4) after 2 pixels
codes = [code for i in range(6) for code in (4, i % 2, 1)] + [5]
bits = sum(code << 3 * i for i, code in enumerate(codes))
block = bits.to_bytes((3 * len(codes) + 7) // 8, "little")
gif = b"GIF89a" + struct.pack("<HHBBB", W, H, 0x80, 0, 0) + bytes([255, 0, 0, 0, 0, 255])
gif += b"," + struct.pack("<HHHHB", 5, 6, 4, 3, 0) + bytes([2, len(block)]) + block + b"\0;"
open("part.gif", "wb").write(gif)
part = Image.new("RGBA", (W, H), (0, 0, 0, 0))
for i in range(12):
    part.putpixel((5 + i % 4, 6 + i // 4), [(255, 0, 0, 255), (0, 0, 255, 255)][(i // 2) % 2 if i % 2 == 0 else 1])
expect("part.gif", part)

# Detail that a filter without antialiasing gets wrong
rng = np.random.default_rng(0)
noise = np.clip(rng.normal(128, 60, (48, 64, 3)), 0, 255).astype("u1")
noise[::2] = 255 - noise[::2]
save("detail.png", Image.fromarray(noise))

json.dump(golden, open("golden.json", "w"), indent=1, sort_keys=True)
open("golden.json", "a").write("\n")
