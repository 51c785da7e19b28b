/** Paths and scales: numbers in, strings for SVG out. */

const round = (value) => Math.round(value * 10) / 10;

/** A straight line through the points [[x, y], …]; a null y lifts the pen. */
export function line(points) {
  let path = "";
  let pen = "M";
  for (const [x, y] of points) {
    if (y === null || y === undefined) { pen = "M"; continue; }
    path += `${pen}${round(x)} ${round(y)}`;
    pen = "L";
  }
  return path;
}

/** The same line, closed down to `floor`. */
export function area(points, floor) {
  if (points.length === 0) return "";
  const [first, last] = [points[0][0], points[points.length - 1][0]];
  return `${line(points)}L${round(last)} ${floor}L${round(first)} ${floor}Z`;
}

/** The band between two lines with the same x. */
export function band(points) {
  if (points.length === 0) return "";
  const upper = points.map(([x, , high]) => [x, high]);
  const lower = points.map(([x, low]) => [x, low]).reverse();
  return `${line(upper)}${line(lower).replace("M", "L")}Z`;
}

/** Values as evenly spaced points in a box, the newest at the right edge. */
export function spread(values, slots, width, height, peak) {
  const step = width / Math.max(1, slots - 1);
  const from = width - step * (values.length - 1);
  return values.map((value, index) => [from + index * step, height - (height * (value ?? 0)) / peak]);
}

/** Each value as the mean of itself and its `reach` predecessors: calmer to look at. */
export function smooth(values, reach) {
  return values.map((_, index) => {
    const window = values.slice(Math.max(0, index - reach), index + 1);
    return window.reduce((sum, value) => sum + (value ?? 0), 0) / window.length;
  });
}

/** The next of 1, 2, 5, 10, … that is not below the value: an axis that does not tremble. */
export function ceiling(value) {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  const step = [1, 2, 5, 10].find((factor) => factor * power >= value * (1 - 1e-9));
  return step * power;
}
