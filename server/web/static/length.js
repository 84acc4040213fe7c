// What a browser does not tell of an animated picture: how long it lasts, and whether it moves at all.

// In seconds; null where the file is neither a GIF nor an animated WebP.
export async function lengthOf(file) {
  const bytes = new DataView(await file.arrayBuffer());
  try {
    if (tag(bytes, 0, 3) === "GIF") return gif(bytes);
    if (tag(bytes, 8, 4) === "WEBP") return webp(bytes);
  } catch {
    return null; // cut short: the server says so
  }
  return null;
}

export function isPicture(file) {
  return file.type === "image/gif" || file.type === "image/webp";
}

export async function moves(file) {
  if (file.type.startsWith("video/") || file.type === "image/gif" || /\.mkv$/i.test(file.name)) return true;
  if (file.type !== "image/webp") return false;
  const head = new DataView(await file.slice(0, 21).arrayBuffer());
  return head.byteLength === 21 && tag(head, 12, 4) === "VP8X" && Boolean(head.getUint8(20) & 2);
}

// https://developers.google.com/speed/webp/docs/riff_container: each ANMF chunk has a duration in milliseconds.
function webp(bytes) {
  let total = 0;
  for (let at = 12; at + 8 <= bytes.byteLength; ) {
    const size = bytes.getUint32(at + 4, true);
    if (tag(bytes, at, 4) === "ANMF") total += bytes.getUint32(at + 20, true) & 0xffffff;
    at += 8 + size + (size & 1);
  }
  return total ? total / 1000 : null;
}

// https://www.w3.org/Graphics/GIF/spec-gif89a.txt: a delay of hundredths of a second before each image. Below 2 it is
// shown as 10, by every browser.
function gif(bytes) {
  const table = (flags) => (flags & 128 ? 3 << ((flags & 7) + 1) : 0);
  let at = 13 + table(bytes.getUint8(10));
  let total = 0;
  for (let kind; (kind = bytes.getUint8(at)) !== 0x3b; ) {
    if (kind === 0x21) {
      const delay = bytes.getUint8(at + 1) === 0xf9 ? bytes.getUint16(at + 4, true) : null;
      if (delay !== null) total += delay < 2 ? 10 : delay;
      at += 2;
    } else at += 11 + table(bytes.getUint8(at + 9));
    for (let size; (size = bytes.getUint8(at)); ) at += size + 1;
    at += 1;
  }
  return total ? total / 100 : null;
}

function tag(bytes, at, length) {
  if (at + length > bytes.byteLength) return "";
  return String.fromCharCode(...new Uint8Array(bytes.buffer, bytes.byteOffset + at, length));
}
