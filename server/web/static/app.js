// The demo page: fill the two galleries, send the order, ask how far it is, show what came out.

const POLL = 500; // milliseconds between two questions
const $ = (id) => document.getElementById(id);
let selfie = null; // the chosen File
let job = null; // address of the job being made

start();

async function start() {
  listen();
  try {
    const [faces, motions] = await Promise.all([ask("/v1/portraits"), ask("/v1/templates")]);
    for (const face of faces.portraits) {
      $("own").before(choice("portrait", face.id, face.title, face.image_url));
      credit(face);
    }
    for (const motion of motions.templates) {
      $("templates").append(choice("template", motion.id, motion.title, motion.preview_url));
      credit(motion);
    }
    for (const name of ["portrait", "template"]) document.querySelector(`input[name=${name}]`)?.click();
    say("Your animation appears here.");
  } catch (error) {
    fail(error);
  }
}

function listen() {
  $("order").addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
  $("cancel").addEventListener("click", cancel);
  $("selfie").addEventListener("change", () => take($("selfie").files[0]));
  $("own-choice").addEventListener("click", () => selfie || $("selfie").click());
  for (const kind of ["dragover", "dragleave", "drop"]) {
    document.addEventListener(kind, (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      $("own").classList.toggle("over", kind === "dragover");
      if (kind === "drop") take(event.dataTransfer.files[0]);
    });
  }
}

function choice(name, id, title, picture) {
  const label = document.createElement("label");
  label.className = "choice";
  const input = Object.assign(document.createElement("input"), { type: "radio", name, value: id });
  const frame = Object.assign(document.createElement("span"), { className: "picture" });
  if (picture) frame.append(Object.assign(new Image(), { src: picture, alt: "", loading: "lazy" }));
  label.append(input, frame, Object.assign(document.createElement("span"), { className: "title", textContent: title }));
  return label;
}

function credit({ title, attribution, licence }) {
  $("credits").append(Object.assign(document.createElement("li"), { textContent: `${title}: ${attribution} (${licence})` }));
}

function take(file) {
  if (!file) return;
  selfie = file;
  $("selfie-name").textContent = file.name;
  $("own-choice").checked = true;
  const picture = $("own-picture");
  URL.revokeObjectURL(picture.src);
  // Not every browser can show HEIC; the server can read it all the same.
  picture.onload = () => shown(true);
  picture.onerror = () => shown(false);
  picture.src = URL.createObjectURL(file);
}

function shown(visible) {
  $("own-picture").hidden = !visible;
  $("own-hint").hidden = visible;
  if (!visible) $("own-hint").textContent = "No preview";
}

function form() {
  const body = new FormData();
  const portrait = document.querySelector("input[name=portrait]:checked")?.value;
  const template = document.querySelector("input[name=template]:checked")?.value;
  if (!portrait && !selfie) throw new Error("Choose a face first.");
  if (!template) throw new Error("Choose a motion first.");
  if (!$("consent").checked) throw new Error("Please confirm that you may use this face.");
  if (portrait) body.set("portrait", portrait);
  else body.set("selfie", selfie);
  body.set("template", template);
  body.set("consent", "true");
  return body;
}

async function send() {
  clear();
  try {
    const body = form();
    working(true);
    say("Sending ...");
    show();
    let made = await ask("/v1/animations", { method: "POST", body });
    job = `/v1/animations/${made.id}`;
    $("cancel").hidden = false;
    while (["queued", "running"].includes(made.status)) {
      progress(made);
      await new Promise((done) => setTimeout(done, POLL));
      made = await ask(job);
    }
    finish(made);
  } catch (error) {
    fail(error);
  } finally {
    job = null;
    working(false);
  }
}

async function cancel() {
  $("cancel").hidden = true;
  if (job) await ask(job, { method: "DELETE" }).catch(fail);
}

function progress(made) {
  if (made.status === "queued") say(`Waiting: number ${made.queue_position} in the queue.`);
  else if (made.frames_done) say(`Frame ${made.frames_done} of ${made.frames_total}`);
  else say("Looking for the face ...");
  $("progress").hidden = false;
  $("progress").value = made.progress;
}

function finish(made) {
  $("progress").hidden = true;
  if (made.status === "cancelled") return say("Cancelled.");
  if (made.error) throw new Error(made.error.detail);
  const { url, width, height, frames, bytes } = made.result;
  say("");
  $("video").src = url;
  $("download").href = url;
  $("facts").textContent = `${width} × ${height}, ${frames} frames, ${size(bytes)}`;
  $("result").hidden = false;
  $("video").onloadedmetadata = show;
}

function size(bytes) {
  return bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

// JSON of an answer; an error's own sentence is thrown.
async function ask(address, options) {
  let answer;
  try {
    answer = await fetch(address, options);
  } catch {
    throw new Error("The server cannot be reached. Check your connection and try again.");
  }
  if (answer.status === 204) return null;
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(body.detail || `The server answered ${answer.status}. Try again.`);
  return body;
}

function working(on) {
  $("go").disabled = on;
  if (!on) $("cancel").hidden = $("progress").hidden = true;
}

function clear() {
  $("problem").textContent = "";
  $("result").hidden = true;
  $("video").removeAttribute("src");
}

function say(text) {
  $("status").textContent = text;
}

function fail(error) {
  say("");
  $("problem").textContent = error.message;
  show();
}

function show() {
  $("outcome").scrollIntoView({ block: "nearest" });
}
