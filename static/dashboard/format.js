/** Numbers as people read them; "cannot say" is a dash, never a zero. */

export const NONE = "–";

const grouped = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const brief = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

const absent = (value) => value === null || value === undefined || Number.isNaN(value);
const minus = (text) => text.replace("-", "−");

export const count = (value) => (absent(value) ? NONE : grouped.format(value));
export const compact = (value) => (absent(value) ? NONE : value < 10000 ? grouped.format(value) : brief.format(value));

/** Three significant digits at most: 0.4, 12.5, 128. */
export function measure(value) {
  if (absent(value)) return NONE;
  if (value === 0) return "0";
  if (value < 0.1) return value.toFixed(2);
  return value < 100 ? value.toFixed(1) : grouped.format(value);
}

export function milliseconds(value) {
  if (absent(value)) return NONE;
  if (value < 10) return value.toFixed(2);
  return value < 100 ? value.toFixed(1) : grouped.format(value);
}

export const percent = (share, digits = 1) => (absent(share) ? NONE : `${(100 * share).toFixed(digits)} %`);

export function signed(value, digits = 1) {
  if (absent(value)) return NONE;
  const text = value.toFixed(digits);
  if (Number(text) === 0) return (0).toFixed(digits);
  return Number(text) > 0 ? `+${text}` : minus(text);
}

export function duration(seconds) {
  if (absent(seconds)) return NONE;
  const whole = Math.max(0, Math.floor(seconds));
  const [days, hours, minutes] = [Math.floor(whole / 86400), Math.floor(whole / 3600) % 24, Math.floor(whole / 60) % 60];
  if (days) return `${days} d ${hours} h`;
  if (hours) return `${hours} h ${minutes} min`;
  return minutes ? `${minutes} min ${whole % 60} s` : `${whole} s`;
}

/** A natural logarithm of an e-value as odds against "no difference": "6.4 : 1", "1 : 3.0". */
export function odds(logE) {
  if (absent(logE)) return NONE;
  const [factor, against] = [Math.exp(Math.min(Math.abs(logE), 700)), logE >= 0];
  const text = factor < 99.5 ? factor.toFixed(1).replace(/\.0$/, "") : factor < 1e6 ? grouped.format(factor) : power(Math.abs(logE));
  return against ? `${text} : 1` : `1 : ${text}`;
}

function power(log) {
  const digits = [..."⁰¹²³⁴⁵⁶⁷⁸⁹"];
  const exponent = Math.floor(log / Math.LN10);
  return `10${[...String(exponent)].map((digit) => digits[Number(digit)]).join("")}`;
}

export function clock(value) {
  const moment = value ? new Date(value) : new Date();
  return moment.toLocaleTimeString("en-GB", { hour12: false });
}

const LOSSES = ["brier", "log_loss", "absolute_error", "squared_error"];
const three = (value) => (Math.abs(value) >= 1000 ? minus(grouped.format(value)) : minus(String(Number(value.toPrecision(3)))));

/** A score as people say it: a share in per cent, a loss above zero. */
export function plain(score, { metric }) {
  if (absent(score)) return NONE;
  if (metric === "correctness") return percent(score);
  return three(LOSSES.includes(metric) ? -score : score);
}

export const figure = (arm, experiment) => plain(arm.score, experiment);

/** From the smaller to the larger, as they are said. */
export function range(low, high, experiment) {
  const ends = LOSSES.includes(experiment.metric) ? [high, low] : [low, high];
  return ends.map((end) => plain(end, experiment)).join(" to ");
}

/** A difference with its sign, in the units of the metric; `reach` is the largest on the same axis. */
export function gap(value, { metric }, reach = Math.abs(value)) {
  if (absent(value)) return NONE;
  if (metric === "correctness") return signed(100 * value);
  const digits = reach > 0 ? Math.max(0, Math.min(6, 1 - Math.floor(Math.log10(reach)))) : 1;
  return signed(value, digits);
}
