const COUNT = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const MEGABYTES = new Intl.NumberFormat("en-US", { minimumFractionDigits: 1, maximumFractionDigits: 1 });

/** 1234567 as `1,234,567`. */
export function formatCount(count: number | bigint): string {
  return COUNT.format(count);
}

/** Bytes as megabytes of 10^6 with one decimal, without the unit: `12.3`. */
export function formatMegabytes(bytes: number): string {
  return MEGABYTES.format(bytes / 1e6);
}

/** Milliseconds as a person says them: `0.2 s`, `42 s`, `3 min 05 s`, `2 h 10 min`. */
export function formatDuration(milliseconds: number): string {
  const seconds = Math.max(0, milliseconds) / 1000;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${pad(whole % 60)} s`;
  return `${Math.floor(whole / 3600)} h ${pad(Math.floor((whole % 3600) / 60))} min`;
}

function pad(value: number): string {
  return String(value).padStart(2, "0");
}
