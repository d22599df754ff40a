/** Height of the ground [m] at a longitude and latitude [deg]. */
export type Height = (lon: number, lat: number) => number;

/** Where no terrain is drawn. */
export const level: Height = () => 0;
