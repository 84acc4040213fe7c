// What the page says. All words stand in messages/<language>.json; numbers are written as the language does.

const language = document.documentElement.lang;
const messages = await (await fetch(document.documentElement.dataset.messages)).json();

export function t(key, values = {}) {
  return messages[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

export function has(key) {
  return key in messages;
}

export function number(value, options = {}) {
  return new Intl.NumberFormat(language, options).format(value);
}

export function seconds(value) {
  return number(value, { style: "unit", unit: "second", unitDisplay: "narrow", maximumFractionDigits: 1 });
}

// With the word in the form that the number asks for.
export function spoken(value) {
  return number(value, { style: "unit", unit: "second", unitDisplay: "long", maximumFractionDigits: 1 });
}

// 1:05.4, as players write it
export function clock(value) {
  const tenths = Math.round(value * 10);
  const rest = number((tenths % 600) / 10, { minimumIntegerDigits: 2, minimumFractionDigits: 1 });
  return `${number(Math.floor(tenths / 600))}:${rest}`;
}

export function moment(iso) {
  const parts = { weekday: "long", hour: "numeric", minute: "2-digit" };
  return new Intl.DateTimeFormat(language, parts).format(new Date(iso));
}

export function bytes(value) {
  const [unit, size] = value < 1e6 ? ["kilobyte", 1e3] : ["megabyte", 1e6];
  return number(value / size, { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: value < 1e6 ? 0 : 1 });
}

export function $(id) {
  return document.getElementById(id);
}

export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

export const calm = matchMedia("(prefers-reduced-motion: reduce)");
