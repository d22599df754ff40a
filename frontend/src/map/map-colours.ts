/** Colours that the map engines need as values; the panels take theirs from tokens.css. */
export type Scheme = 'light' | 'dark';

export interface MapColours {
  ground: string;
  /** Slopes away from the light, and towards it. */
  shade: string;
  light: string;
  water: string;
  road: string;
  /** Paths, and the edges of roads. */
  roadEdge: string;
  roadName: string;
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
    shade: '#8b96a3',
    light: '#ffffff',
    water: '#c3d8e6',
    road: '#ffffff',
    roadEdge: '#d3d9e1',
    roadName: '#5b6673',
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
    shade: '#000000',
    light: '#5d6f83',
    water: '#122a3b',
    road: '#252e39',
    roadEdge: '#1b222b',
    roadName: '#9aa5b1',
    extent: '#4a5563',
    building: '#303945',
    accent: '#ff7a45',
    accentClear: 'rgba(255, 122, 69, 0)',
    halo: '#0b0e12',
    ink: '#e6eaef',
    site: '#c3ccd6',
  },
};
