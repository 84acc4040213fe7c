// What went wrong, in the visitor's words, and what helps.

import { hold } from "./screen.js";
import { $, has, make, number, t } from "./text.js";

const PHOTO = "photo", CLIP = "clip", FILE = "file", AGAIN = "again", RELOAD = "reload", CONSENT = "consent", KEY = "key";
const REJECTED = "rejected"; // the operator's own words say why
const HELP = {
  no_face_found: FILE, face_too_small: FILE, unsupported_media: FILE, upload_too_large: FILE,
  image_unreadable: PHOTO, image_too_large: PHOTO, face_index_out_of_range: PHOTO,
  driving_unreadable: CLIP, driving_too_long: CLIP, driving_still: CLIP,
  template_not_found: RELOAD, invalid_option: RELOAD, motion_outdated: RELOAD,
  face_blocked: PHOTO, rejected: FILE, consent_required: CONSENT,
  unauthorized: KEY, key_unknown: KEY, forbidden: KEY,
};

// `help` has a function for each of the remedies above but FILE, which is the photo or the clip of `order`, and
// KEY, which is a form.
export function show(problem, order, help) {
  const code = has(`error.${problem.code}`) ? problem.code : "internal";
  const remedies = remediesOf(code, order);
  const wait = problem.wait ? ` ${t("error.wait", { seconds: number(problem.wait) })}` : "";
  const sentence = code === problem.code ? t(`error.${code}`) : problem.detail || t("error.internal");
  $("problem").replaceChildren(
    make("p", {}, make("strong", { textContent: sentence })),
    ...(problem.code === REJECTED && problem.detail ? [make("p", { textContent: problem.detail, dir: "auto" })] : []),
    make("p", { textContent: t(`error.${code}.next`) + wait }),
    make("p", { className: "row" }, ...remedies.filter((it) => it !== KEY).map((it) => buttonOf(it, help[it]))),
  );
  $("problem").dataset.code = problem.code;
  $("access").hidden = !remedies.includes(KEY);
}

// The server does not say which of two files it means, so both can be changed.
function remediesOf(code, order) {
  const remedy = HELP[code] ?? AGAIN;
  if (remedy !== FILE) return [remedy];
  const own = [order.face?.file && PHOTO, order.motion?.file && CLIP].filter(Boolean);
  return own.length ? own : [PHOTO];
}

function buttonOf(remedy, help) {
  const button = make("button", { type: "button", className: "main", textContent: t(`help.${remedy}`) });
  button.addEventListener("click", () => {
    hold();
    help();
  });
  return button;
}

export function clear() {
  $("problem").replaceChildren();
  delete $("problem").dataset.code;
  $("access").hidden = true;
}
