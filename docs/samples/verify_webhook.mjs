/**
 * Whether a webhook comes from your Reenact server: Standard Webhooks 1.0 with Web Crypto alone.
 *
 * It runs in Node from version 20, Deno, Bun, edge workers and browsers. Copy the function into your receiver, and
 * hand it the body as it came, before any JSON is read.
 */

const TOLERANCE = 300; // seconds that a call may be old, or ahead of our clock

/**
 * Throws unless the body was signed with the secret, not long ago.
 *
 * @param {string} secret `whsec_...`, as `reenact-server keys add` showed it
 * @param {Record<string, string>} headers of the request, whatever the case of their names
 * @param {Uint8Array} body of the request, byte for byte
 */
export async function verifyWebhook(secret, headers, body) {
  const given = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  const id = given["webhook-id"];
  const stamp = given["webhook-timestamp"];
  const signatures = given["webhook-signature"];
  if (!id || !signatures || !/^\d+$/.test(stamp ?? "")) {
    throw new Error("The headers of a signed webhook are missing or damaged.");
  }
  if (Math.abs(Date.now() / 1000 - Number(stamp)) > TOLERANCE) {
    throw new Error("The webhook is too old, or one of the two clocks is wrong.");
  }

  const key = await crypto.subtle.importKey("raw", bytesOf(secret), { name: "HMAC", hash: "SHA-256" }, false, [
    "verify",
  ]);
  const head = new TextEncoder().encode(`${id}.${stamp}.`);
  const signed = new Uint8Array(head.length + body.length);
  signed.set(head);
  signed.set(body, head.length);
  for (const each of signatures.split(" ")) {
    const [version, code] = each.split(",");
    if (version === "v1" && (await crypto.subtle.verify("HMAC", key, decode(code), signed))) return;
  }
  throw new Error("The signature is not of this secret and this body.");
}

/** The key in a secret. Those of early releases have - and _ where base64 has + and /. */
function bytesOf(secret) {
  return decode(secret.replace(/^whsec_/, "").replaceAll("-", "+").replaceAll("_", "/"));
}

/** The bytes of a base64 text; none where it is damaged, which verify then refuses. */
function decode(text) {
  try {
    return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  } catch {
    return new Uint8Array();
  }
}
