// What is ordered: {face: {id, free} or {file}, motion: {id} or {file}, options, index, consent}.

export const LARGEST = "largest";

export function whole(order) {
  return Boolean(order.face && order.motion && consented(order));
}

// A picture in the public domain asks nobody; any other face needs the visitor's word.
export function consented(order) {
  return Boolean(order.face?.free || order.consent);
}

export function formOf(order) {
  const form = new FormData();
  put(form, order.face, "selfie", "portrait");
  put(form, order.motion, "driving", "template");
  for (const [name, value] of Object.entries(order.options)) form.set(name, value);
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
  return Boolean(order.face.file || order.motion.file);
}

function put(form, choice, file, id) {
  if (choice.file) form.set(file, choice.file, choice.file.name || file);
  else form.set(id, choice.id);
}
