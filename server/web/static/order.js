// What is ordered: {face: {id, free} or {file}, motion: {id} or {file}, options, label, index, consent}.

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
  form.set("label", String(order.label));
  form.set("language", document.documentElement.lang);
  form.set("consent", String(consented(order)));
  return form;
}

export function uploads(order) {
  return Boolean(order.face.file || order.motion.file);
}

function put(form, choice, file, id) {
  if (choice.file) form.set(file, choice.file, choice.file.name || file);
  else form.set(id, choice.id);
}
