// What is ordered: {act: "move" or "swap", face: {id, free} or {file}, motion and scene: {id} or {file}, part: {start, end}
// of the scene or null, options, index, consent}. A face moves by the motion, or is put into the scene.

export const LARGEST = "largest";

// Options that only one act has.
const ONLY = { move: ["mode", "strength", "paste", "mirror"], swap: ["likeness"] };

export function driver(order) {
  return order.act === "swap" ? order.scene : order.motion;
}

export function complete(order) {
  return Boolean(order.face && driver(order));
}

export function whole(order) {
  return complete(order) && consented(order);
}

// A picture in the public domain asks nobody to move; any other face, and whoever is in a clip, needs the visitor's word.
export function consented(order) {
  return Boolean((order.act !== "swap" && order.face?.free) || order.consent);
}

export function formOf(order) {
  const form = new FormData();
  put(form, order.face, "selfie", "portrait");
  put(form, driver(order), "driving", "template");
  form.set("effect", order.act === "swap" ? "swap" : "animate");
  const others = ONLY[order.act === "swap" ? "move" : "swap"];
  for (const [name, value] of Object.entries(order.options)) if (!others.includes(name)) form.set(name, value);
  if (order.act === "swap" && order.part) for (const [name, value] of Object.entries(order.part)) form.set(name, value);
  form.set("face", order.index);
  form.set("language", document.documentElement.lang);
  form.set("consent", String(consented(order)));
  return form;
}

// A form's fields as the interface takes them: a box is "true" or "false".
export function optionsIn(form) {
  const boxes = [...form.querySelectorAll("[type=checkbox]")].map((box) => [box.name, String(box.checked)]);
  return Object.fromEntries([...new FormData(form), ...boxes]);
}

// Sets the fields that are there; an operator may have taken one away since.
export function setOptions(form, options) {
  for (const [name, value] of Object.entries(options)) {
    const field = form.elements[name];
    if (field?.type === "checkbox") field.checked = value === "true";
    else if (field) field.value = value;
  }
}

export function uploads(order) {
  return Boolean(order.face.file || driver(order).file);
}

function put(form, choice, file, id) {
  if (choice.file) form.set(file, choice.file, choice.file.name || file);
  else form.set(id, choice.id);
}
