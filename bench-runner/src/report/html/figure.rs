//! Charts in a page.

use maud::{Markup, PreEscaped, html};

/// A chart that scrolls in its own box where the page is narrow; `unit`
/// follows values that are pointed at.
pub fn chart(svg: &str, unit: &str) -> Markup {
    html! {
        figure.chart data-unit=(unit) {
            div.scroll { (PreEscaped(inline(svg))) }
        }
    }
}

/// A page knows what a drawing is.
const NAME_SPACE: &str = " xmlns=\"http://www.w3.org/2000/svg\"";

/// A drawing without its fixed size, and its title where it does not come up
/// under the pointer. What it says of itself stands below it as well.
fn inline(svg: &str) -> String {
    let parts = || {
        let (head, rest) = svg.split_once("<title>")?;
        let (title, rest) = rest.split_once("</title>")?;
        let (_, body) = rest.split_once("</desc>")?;
        let at = head.find("viewBox")?;
        let title = title.replace('"', "&quot;");
        let head = head[at..].replace(NAME_SPACE, "");
        Some(format!("<svg aria-label=\"{title}\" {head}{body}"))
    };
    parts().unwrap_or_else(|| svg.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::{Dot, Dots, Side};

    #[test]
    fn a_drawing_keeps_its_title_and_loses_its_size() {
        let dot = Dot {
            name: "a=\"<b>\"".to_owned(),
            value: 2.0,
            interval: None,
            side: Side::Same,
        };
        let dots = Dots {
            title: "\"<title>\" & more".to_owned(),
            subtitle: String::new(),
            x_label: String::new(),
            one: String::new(),
            along: ("batch", "1".to_owned()),
            dots: vec![dot],
        };
        let page = chart(&dots.draw(), "×").into_string();
        let label = "<svg aria-label=\"&quot;&lt;title&gt;&quot; &amp; more\"";
        assert!(page.contains(label), "{page}");
        assert!(
            !page.contains("<title")
                && !page.contains("width=\"960\"")
                && !page.contains("xmlns")
        );
        assert!(!page.contains("<b>"));
        assert_eq!(inline("no drawing"), "no drawing");
    }
}
