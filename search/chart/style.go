package chart

// Style is the style sheet of figures. A page that shows them has it once, after [style.Base].
const Style = `
.chart{font:12px/1.2 var(--sans);max-width:100%;height:auto;color:var(--ink)}
.chart text{fill:var(--ink)}
.chart .soft{fill:var(--soft)}
.chart .halo{paint-order:stroke;stroke:var(--paper);stroke-width:3px;stroke-linejoin:round}
.chart .strong{font-weight:600}
.chart .grid{stroke:var(--line);fill:none}
.chart .axis{stroke:var(--soft);fill:none}
.chart .box{stroke:var(--soft);stroke-width:1.25;fill:var(--paper)}
.chart .input{stroke-dasharray:4 3}
.chart .arrow{fill:var(--soft)}
.chart .span{fill:currentColor;fill-opacity:.35;stroke:currentColor}
.chart .dull{color:var(--soft)}
.chart .line{fill:none;stroke:currentColor;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}
.chart .thin{stroke-width:1.25}
.chart .band{fill:currentColor;fill-opacity:.16}
.chart .fill{fill:currentColor}
.chart .hollow{fill:var(--paper);stroke:currentColor;stroke-width:1.75}
.chart .s1{color:var(--c1)}.chart .s2{color:var(--c2)}.chart .s3{color:var(--c3)}.chart .s4{color:var(--c4)}.chart .s5{color:var(--c5)}.chart .s6{color:var(--c6)}
.spark{display:block;width:100%}
.spark .line{vector-effect:non-scaling-stroke}
`
