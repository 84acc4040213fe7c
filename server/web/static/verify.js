// The page at /verify: a file goes in, and plain words say where it comes from.

import { Lost, Problem, useKey, verify } from "./api.js";
import { $, has, make, number, t } from "./text.js";

const language = document.documentElement.lang;
let running = null; // stops the look that is under way
let last = null; // the file that was looked at

start();

function start() {
  $("choose").addEventListener("click", () => $("file").click());
  $("file").addEventListener("change", () => {
    if ($("file").files.length) look($("file").files[0]);
    $("file").value = ""; // so that the same file can be chosen again
  });
  $("access").addEventListener("submit", enter);
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    document.body.classList.add("over");
  });
  document.addEventListener("dragleave", (event) => event.relatedTarget ?? document.body.classList.remove("over"));
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    document.body.classList.remove("over");
    if (event.dataTransfer.files.length) look(event.dataTransfer.files[0]);
  });
  document.documentElement.dataset.ready = ""; // tests wait for it
}

async function look(file) {
  running?.abort();
  const mine = (running = new AbortController());
  last = file;
  $("answer").hidden = $("trouble-card").hidden = true;
  busy(t("verify.working", { name: file.name }));
  const form = new FormData();
  form.append("file", file, "file"); // its name is nobody's business
  try {
    const report = await verify(form, mine.signal);
    if (running === mine) show(report);
  } catch (error) {
    if (running === mine) fail(error);
  }
}

function busy(line) {
  $("status").textContent = line;
  $("progress").hidden = !line;
  $("ask").setAttribute("aria-busy", String(Boolean(line)));
}

function show(report) {
  busy("");
  $("choose").lastElementChild.textContent = t("verify.another");
  $("answer").dataset.verdict = report.verdict;
  $("verdict").textContent = t(`verify.${report.verdict}`);
  $("verdict-line").textContent = t(`verify.${report.verdict}.line`);
  $("watermark").replaceChildren(...watermark(report.watermark));
  $("manifest").replaceChildren(...manifest(report.manifest));
  $("answer").hidden = false;
  $("answer").focus();
}

function watermark(mark) {
  if (!mark) return [make("p", { textContent: t("verify.watermark.none") })];
  const values = { agreeing: number(mark.agreeing), frames: number(mark.frames) };
  const share = number(mark.confidence, { style: "percent" });
  const line = make("p", { textContent: t("verify.watermark.found", { ...values, share }) });
  return [line, list([[t("verify.watermark.id"), make("code", { textContent: mark.id, dir: "ltr" })]])];
}

function manifest(found) {
  if (!found) return [make("p", { textContent: t("verify.manifest.none") })];
  if (!found.valid) {
    const codes = make("code", { textContent: found.problems.join(", "), dir: "ltr" });
    return [make("p", { textContent: t("verify.manifest.changed") }), make("p", { className: "quiet" }, codes)];
  }
  const rows = [
    [t("verify.says.program"), found.program],
    [t("verify.says.ai"), found.made_by_ai && t("verify.says.ai.yes")],
    [t("verify.says.time"), found.time && when(found.time)],
    [t("verify.says.template"), found.template && motion(found.template)],
    [t("verify.says.from"), found.ingredients.map(part).join(", ")],
    [t("verify.says.signer"), signer(found)],
  ];
  return [make("p", { textContent: t("verify.manifest.valid") }), list(rows.filter(([, value]) => value))];
}

function list(rows) {
  return make("dl", {}, ...rows.flatMap(([term, value]) => [make("dt", { textContent: term }), make("dd", {}, value)]));
}

function when(time) {
  const date = new Date(time);
  if (Number.isNaN(date.valueOf())) return time;
  return new Intl.DateTimeFormat(language, { dateStyle: "long", timeStyle: "short" }).format(date);
}

function motion(id) {
  return has(`motion.${id}`) ? t(`motion.${id}`) : id;
}

function part({ title }) {
  return has(`verify.part.${title}`) ? t(`verify.part.${title}`) : title;
}

function signer({ development, trusted, signer: name }) {
  if (development) return t("verify.signer.development");
  return t(trusted ? "verify.signer.trusted" : "verify.signer.unknown", { name: name ?? "?" });
}

function fail(error) {
  busy("");
  const problem = error instanceof Problem ? error : null;
  const code = problem && has(`error.${problem.code}`) ? problem.code : "internal";
  const wait = problem?.wait ? ` ${t("error.wait", { seconds: number(problem.wait) })}` : "";
  const lines = error instanceof Lost ? [t("verify.lost")] : [t(`error.${code}`), t(`error.${code}.next`) + wait];
  const [first, ...more] = lines;
  const strong = make("p", {}, make("strong", { textContent: first }));
  $("trouble-text").replaceChildren(strong, ...more.map((textContent) => make("p", { textContent })));
  $("trouble-card").dataset.code = problem?.code ?? "lost";
  $("access").hidden = !["unauthorized", "key_unknown"].includes(code);
  $("trouble-card").hidden = false;
  if (!problem && !(error instanceof Lost)) console.error(error);
}

function enter(event) {
  event.preventDefault();
  useKey($("key").value.trim());
  $("access").reset();
  if (last) look(last);
}
