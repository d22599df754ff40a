/** Colours that the map engines need as values; the panels take theirs from tokens.css. */
export type Scheme = 'light' | 'dark';

export interface MapColours {
  ground: string;
  extent: string;
  building: string;
  accent: string;
  /** The accent with no opacity, where a trail begins; Mapbox reads no eight-digit hex. */
  accentClear: string;
  /** Drawn around the accent so that it stands out on any radio map. */
  halo: string;
  ink: string;
  site: string;
}

export const MAP_COLOURS: Record<Scheme, MapColours> = {
  light: {
    ground: '#eceef1',
    extent: '#9aa4b2',
    building: '#cfd5dd',
    accent: '#d9480f',
    accentClear: 'rgba(217, 72, 15, 0)',
    halo: '#ffffff',
    ink: '#1a2027',
    site: '#37424f',
  },
  dark: {
    ground: '#0e1217',
    extent: '#4a5563',
    building: '#303945',
    accent: '#ff7a45',
    accentClear: 'rgba(255, 122, 69, 0)',
    halo: '#0b0e12',
    ink: '#e6eaef',
    site: '#c3ccd6',
  },
};
