// What went wrong, in the visitor's words, and the one thing that helps.

import { $, has, make, number, t } from "./text.js";

const PHOTO = "photo", CLIP = "clip", AGAIN = "again", RELOAD = "reload", CONSENT = "consent", KEY = "key";
const HELP = {
  no_face_found: PHOTO, face_too_small: PHOTO, image_unreadable: PHOTO, image_too_large: PHOTO,
  unsupported_media: PHOTO, upload_too_large: PHOTO,
  driving_unreadable: CLIP, driving_too_long: CLIP,
  template_not_found: RELOAD, invalid_option: RELOAD, motion_outdated: RELOAD,
  consent_required: CONSENT, unauthorized: KEY, forbidden: KEY,
};

// `help` has a function for each of the remedies above.
export function show(problem, help) {
  const code = has(`error.${problem.code}`) ? problem.code : "internal";
  const remedy = HELP[code] ?? AGAIN;
  const button = make("button", { type: "button", className: "main", textContent: t(`help.${remedy}`) });
  button.addEventListener("click", () => help[remedy]());
  const wait = problem.wait ? ` ${t("error.wait", { seconds: number(problem.wait) })}` : "";
  const sentence = code === problem.code ? t(`error.${code}`) : problem.detail || t("error.internal");
  $("problem").replaceChildren(
    make("p", {}, make("strong", { textContent: sentence })),
    make("p", { textContent: t(`error.${code}.next`) + wait }),
    button,
  );
  $("problem").dataset.code = problem.code;
  $("access").hidden = remedy !== KEY;
}

export function clear() {
  $("problem").replaceChildren();
  delete $("problem").dataset.code;
  $("access").hidden = true;
}
